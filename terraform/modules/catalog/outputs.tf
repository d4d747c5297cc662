output "athena_workgroup" {
  value = aws_athena_workgroup.people.name
}

output "athena_output" {
  value = "s3://${var.work_bucket}/athena/"
}
