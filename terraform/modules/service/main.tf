# Containers that stay. A new version is started beside the old one, which ends once the new one is well; if that never comes, ECS goes back.

resource "aws_ecs_service" "this" {
  name                               = var.name
  cluster                            = var.cluster_arn
  task_definition                    = var.task_definition_arn
  desired_count                      = var.number
  launch_type                        = "FARGATE"
  platform_version                   = "LATEST"
  deployment_minimum_healthy_percent = var.at_most_one ? 0 : 100
  deployment_maximum_percent         = var.at_most_one ? 100 : 200
  health_check_grace_period_seconds  = var.target_group_arn == null ? null : 120
  enable_execute_command             = var.reachable
  propagate_tags                     = "SERVICE"
  wait_for_steady_state              = true

  deployment_circuit_breaker {
    enable   = true
    rollback = true
  }

  network_configuration {
    subnets          = var.subnet_ids
    security_groups  = [var.security_group_id]
    assign_public_ip = false
  }

  service_connect_configuration {
    enabled   = true
    namespace = var.namespace_arn

    dynamic "service" {
      for_each = var.offers

      content {
        port_name      = service.key
        discovery_name = var.name

        client_alias {
          dns_name = var.name
          port     = service.value
        }
      }
    }
  }

  dynamic "load_balancer" {
    for_each = var.target_group_arn == null ? [] : [var.target_group_arn]

    content {
      target_group_arn = load_balancer.value
      container_name   = var.name
      container_port   = var.target_port
    }
  }

  timeouts {
    create = "15m"
    update = "15m"
  }
}
