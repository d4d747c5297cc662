# One kind of container: its command and settings, and two roles: one with which it works, one with which ECS starts it and reads its secrets.

locals {
  home = "/var/lib/event-platform"

  told  = { for name, text in var.files : upper(replace(name, ".", "_")) => { path = "${local.home}/${name}", text = text } }
  write = join(" && ", [for variable, file in local.told : "printf '%s' \"$${variable}\" > ${file.path}"])

  common = {
    image                  = var.image
    readonlyRootFilesystem = var.read_only
    linuxParameters        = { initProcessEnabled = true }
    mountPoints = [
      { sourceVolume = "home", containerPath = local.home, readOnly = false },
      { sourceVolume = "passing", containerPath = "/tmp", readOnly = false },
    ]

    logConfiguration = {
      logDriver = "awslogs"
      options = {
        awslogs-group         = aws_cloudwatch_log_group.this.name
        awslogs-region        = var.region
        awslogs-stream-prefix = var.name
      }
    }
  }

  main = merge(local.common, {
    name         = var.name
    essential    = true
    command      = var.command
    stopTimeout  = 120
    environment  = [for name, value in var.environment : { name = name, value = value }]
    secrets      = [for name, from in var.secrets : { name = name, valueFrom = from }]
    portMappings = [for name, port in var.ports : { name = name, containerPort = port, protocol = "tcp" }]
    dependsOn    = [for name in(length(var.files) == 0 ? [] : ["files"]) : { containerName = name, condition = "SUCCESS" }]
    healthCheck = length(var.health) == 0 ? null : {
      command     = concat(["CMD"], var.health)
      interval    = 30
      timeout     = 20
      retries     = 3
      startPeriod = 120
    }
  })

  # Files that the platform looks for in its home are written there before it starts.
  files = merge(local.common, {
    name        = "files"
    essential   = false
    command     = ["sh", "-c", local.write]
    environment = [for variable, file in local.told : { name = variable, value = file.text }]
  })
}

resource "aws_ecs_task_definition" "this" {
  family                   = "${var.prefix}-${var.name}"
  requires_compatibilities = ["FARGATE"]
  network_mode             = "awsvpc"
  cpu                      = var.cpu
  memory                   = var.memory
  task_role_arn            = module.task.arn
  execution_role_arn       = module.start.arn
  container_definitions    = jsonencode(concat([local.main], [for files in [local.files] : files if length(var.files) > 0]))

  ephemeral_storage {
    size_in_gib = var.disk_gigabytes
  }

  runtime_platform {
    operating_system_family = "LINUX"
    cpu_architecture        = "X86_64"
  }

  volume {
    name = "passing"
  }

  volume {
    name = "home"

    dynamic "efs_volume_configuration" {
      for_each = var.lasting_disk == null ? [] : [var.lasting_disk]

      content {
        file_system_id     = efs_volume_configuration.value.file_system_id
        transit_encryption = "ENABLED"

        authorization_config {
          access_point_id = efs_volume_configuration.value.access_point_id
          iam             = "ENABLED"
        }
      }
    }
  }
}

resource "aws_cloudwatch_log_group" "this" {
  name              = "/${var.prefix}/${var.name}"
  retention_in_days = var.log_days
  kms_key_id        = var.key_arn
}

locals {
  secret_arns = distinct([for from in values(var.secrets) : replace(from, "/:[^:]*::$/", "")])
}

module "task" {
  source = "../role"

  name       = "${var.prefix}-${var.name}"
  services   = ["ecs-tasks.amazonaws.com"]
  account_id = var.account_id
  policy     = "work"
  statements = var.statements
}

module "start" {
  source = "../role"

  name       = "${var.prefix}-${var.name}-start"
  services   = ["ecs-tasks.amazonaws.com"]
  account_id = var.account_id
  policy     = "start"

  statements = jsonencode(concat([
    {
      Effect   = "Allow"
      Action   = "ecr:GetAuthorizationToken"
      Resource = "*"
    },
    {
      Effect   = "Allow"
      Action   = ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
      Resource = var.repository_arn
    },
    {
      Effect   = "Allow"
      Action   = ["logs:CreateLogStream", "logs:PutLogEvents"]
      Resource = "${aws_cloudwatch_log_group.this.arn}:log-stream:*"
    },
    ], [for statement in [
      {
        Effect   = "Allow"
        Action   = "secretsmanager:GetSecretValue"
        Resource = local.secret_arns
      },
      {
        Effect   = "Allow"
        Action   = "kms:Decrypt"
        Resource = var.key_arn
      },
  ] : statement if length(var.secrets) > 0]))
}
