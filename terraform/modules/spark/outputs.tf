output "application_id" {
  value = aws_emrserverless_application.this.id
}

output "application_arn" {
  value = aws_emrserverless_application.this.arn
}

output "role_arn" {
  value = module.role.arn
}

output "log_group_arn" {
  value = aws_cloudwatch_log_group.this.arn
}
