# A container that EventBridge starts at set times and that runs to its end.

resource "aws_scheduler_schedule" "this" {
  name                = "${var.prefix}-${var.name}"
  group_name          = var.group
  schedule_expression = var.expression
  kms_key_arn         = var.key_arn

  flexible_time_window {
    mode = "OFF"
  }

  target {
    arn      = var.cluster_arn
    role_arn = module.role.arn

    ecs_parameters {
      task_definition_arn = var.task_definition_arn
      launch_type         = "FARGATE"
      propagate_tags      = "TASK_DEFINITION"

      network_configuration {
        subnets          = var.subnet_ids
        security_groups  = [var.security_group_id]
        assign_public_ip = false
      }
    }

    retry_policy {
      maximum_retry_attempts       = 2
      maximum_event_age_in_seconds = 300
    }
  }
}

module "role" {
  source = "../role"

  name       = "${var.prefix}-${var.name}-schedule"
  services   = ["scheduler.amazonaws.com"]
  account_id = var.account_id
  policy     = "start"

  statements = jsonencode([
    {
      Effect    = "Allow"
      Action    = "ecs:RunTask"
      Resource  = var.task_definition_arn
      Condition = { ArnEquals = { "ecs:cluster" = var.cluster_arn } }
    },
    {
      Effect    = "Allow"
      Action    = "iam:PassRole"
      Resource  = var.role_arns
      Condition = { StringEquals = { "iam:PassedToService" = "ecs-tasks.amazonaws.com" } }
    },
    {
      Effect   = "Allow"
      Action   = "kms:Decrypt"
      Resource = var.key_arn
    },
  ])
}
