output "workgroup" {
  value = aws_redshiftserverless_workgroup.this.workgroup_name
}

output "workgroup_arn" {
  value = aws_redshiftserverless_workgroup.this.arn
}

output "role_arn" {
  value = aws_iam_role.reader.arn
}
