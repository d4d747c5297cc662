output "application_id" {
  value = aws_emrserverless_application.this.id
}

output "application_arn" {
  value = aws_emrserverless_application.this.arn
}

output "role_arn" {
  value = aws_iam_role.job.arn
}

output "log_group_arn" {
  value = aws_cloudwatch_log_group.this.arn
}
