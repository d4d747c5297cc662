output "task_definition_arn" {
  value = aws_ecs_task_definition.this.arn
}

output "family" {
  value = aws_ecs_task_definition.this.family
}

output "role_arn" {
  value = aws_iam_role.task.arn
}

output "role_name" {
  value = aws_iam_role.task.name
}

output "start_role_arn" {
  value = aws_iam_role.start.arn
}
