output "repository" {
  description = "Where images are pushed."
  value       = aws_ecr_repository.platform.repository_url
}

output "image_tag" {
  description = "The version that was asked for last."
  value       = var.image_tag
}

output "cluster" {
  value = aws_ecs_cluster.this.name
}

output "services" {
  description = "The version of each service that was asked for; `make deploy` sees whether it runs."
  value       = { for name, service in module.service : name => service.task_definition_arn }
}

output "empty_secrets" {
  description = "Secrets that people put values into."
  value       = [for secret in aws_secretsmanager_secret.given : secret.name]
}

output "lake" {
  description = "EVENT_PLATFORM_LAKE, for those who work with it from elsewhere; EVENT_PLATFORM_CATALOG is glue."
  value       = local.platform.EVENT_PLATFORM_LAKE
}

output "athena" {
  description = "For `event-platform sql --engine athena`."
  value = {
    EVENT_PLATFORM_ATHENA_WORKGROUP = module.catalog.athena_workgroup
    EVENT_PLATFORM_ATHENA_OUTPUT    = module.catalog.athena_output
  }
}

output "stream" {
  description = "The Kinesis stream for events, and Firehose's."
  value       = { kinesis = module.intake.stream, firehose = module.intake.delivery_stream }
}

output "collector" {
  description = "Where events are posted; a name of one's own points here."
  value       = [for front in module.front : front.address]
}

output "spark" {
  value = { for spark in module.spark : spark.application_id => spark.role_arn }
}

output "webserver" {
  description = "How to reach the UI, on http://127.0.0.1:3000."
  value       = "TASK is the id that `aws ecs list-tasks --cluster ${var.prefix} --service-name webserver` names; ID its container's runtimeId: aws ssm start-session --target ecs:${var.prefix}_TASK_ID --document-name AWS-StartPortForwardingSession --parameters portNumber=3000,localPortNumber=3000"
}
