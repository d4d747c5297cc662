# EMR Serverless: where Spark computes tables that are too large for one container. It costs nothing while no job runs.

resource "aws_emrserverless_application" "this" {
  name          = var.name
  type          = "spark"
  release_label = var.release
  architecture  = "X86_64"

  image_configuration {
    image_uri = var.image
  }

  maximum_capacity {
    cpu    = "${var.processors} vCPU"
    memory = "${var.memory_gigabytes} GB"
  }

  auto_start_configuration {
    enabled = true
  }

  auto_stop_configuration {
    enabled              = true
    idle_timeout_minutes = 15
  }

  network_configuration {
    subnet_ids         = var.subnet_ids
    security_group_ids = [var.security_group_id]
  }

  monitoring_configuration {
    cloudwatch_logging_configuration {
      enabled                = true
      log_group_name         = aws_cloudwatch_log_group.this.name
      encryption_key_arn     = var.key_arn
      log_stream_name_prefix = "spark"
    }
  }
}

resource "aws_cloudwatch_log_group" "this" {
  name              = "/${var.name}/spark"
  retention_in_days = var.log_days
  kms_key_id        = var.key_arn
}

module "role" {
  source = "../role"

  name       = "${var.name}-spark"
  services   = ["emr-serverless.amazonaws.com"]
  account_id = var.account_id
  policy     = "work"

  statements = jsonencode(concat(jsondecode(var.statements), [
    {
      Effect   = "Allow"
      Action   = ["logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"]
      Resource = "${aws_cloudwatch_log_group.this.arn}:log-stream:*"
    },
    {
      Effect   = "Allow"
      Action   = "logs:DescribeLogGroups"
      Resource = "arn:aws:logs:${var.region}:${var.account_id}:log-group:*"
    },
  ]))
}
