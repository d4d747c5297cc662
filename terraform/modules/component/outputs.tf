output "task_definition_arn" {
  value = aws_ecs_task_definition.this.arn
}

output "family" {
  value = aws_ecs_task_definition.this.family
}

output "role_arn" {
  value = module.task.arn
}

output "role_name" {
  value = module.task.name
}

output "start_role_arn" {
  value = module.start.arn
}
