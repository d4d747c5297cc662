output "name" {
  value = aws_ecs_service.this.name
}

output "task_definition_arn" {
  description = "The version that ECS was asked for."
  value       = aws_ecs_service.this.task_definition
}
