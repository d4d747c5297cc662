# A Kinesis stream for events as they come, and Firehose, which gathers what is sent to it into compressed files in a feed's queue.

resource "aws_kinesis_stream" "events" {
  name             = "${var.prefix}-${var.stream}"
  retention_period = var.retention_hours
  encryption_type  = "KMS"
  kms_key_id       = var.key_arn

  stream_mode_details {
    stream_mode = "ON_DEMAND"
  }
}

resource "aws_kinesis_firehose_delivery_stream" "landing" {
  name        = "${var.prefix}-${var.feed}"
  destination = "extended_s3"

  server_side_encryption {
    enabled  = true
    key_type = "CUSTOMER_MANAGED_CMK"
    key_arn  = var.key_arn
  }

  extended_s3_configuration {
    role_arn           = module.firehose_role.arn
    bucket_arn         = "arn:aws:s3:::${var.lake_bucket}"
    kms_key_arn        = var.key_arn
    compression_format = "GZIP"
    buffering_size     = var.buffer_megabytes
    buffering_interval = var.buffer_seconds

    # The queue of the feed. Firehose names files by the hour and ends them in .gz itself.
    prefix              = "lake/landing/${var.feed}/pending/!{timestamp:yyyy/MM/dd/HH}/"
    error_output_prefix = "firehose-errors/${var.feed}/!{firehose:error-output-type}/!{timestamp:yyyy/MM/dd/HH}/"

    # Firehose glues records together; a line each needs this.
    processing_configuration {
      enabled = true

      processors {
        type = "AppendDelimiterToRecord"

        parameters {
          parameter_name  = "Delimiter"
          parameter_value = "\\n"
        }
      }
    }

    cloudwatch_logging_options {
      enabled         = true
      log_group_name  = aws_cloudwatch_log_group.firehose.name
      log_stream_name = aws_cloudwatch_log_stream.firehose.name
    }
  }
}

resource "aws_cloudwatch_log_group" "firehose" {
  name              = "/${var.prefix}/firehose"
  retention_in_days = var.log_days
  kms_key_id        = var.key_arn
}

resource "aws_cloudwatch_log_stream" "firehose" {
  name           = "delivery"
  log_group_name = aws_cloudwatch_log_group.firehose.name
}

module "firehose_role" {
  source = "../role"

  name       = "${var.prefix}-firehose"
  services   = ["firehose.amazonaws.com"]
  account_id = var.account_id
  policy     = "land"

  statements = jsonencode([
    {
      Effect   = "Allow"
      Action   = ["s3:AbortMultipartUpload", "s3:GetObject", "s3:PutObject"]
      Resource = ["arn:aws:s3:::${var.lake_bucket}/lake/landing/${var.feed}/pending/*", "arn:aws:s3:::${var.lake_bucket}/firehose-errors/${var.feed}/*"]
    },
    {
      Effect   = "Allow"
      Action   = ["s3:GetBucketLocation", "s3:ListBucket", "s3:ListBucketMultipartUploads"]
      Resource = "arn:aws:s3:::${var.lake_bucket}"
    },
    {
      Effect   = "Allow"
      Action   = ["kms:Decrypt", "kms:GenerateDataKey"]
      Resource = var.key_arn
    },
    {
      Effect   = "Allow"
      Action   = "logs:PutLogEvents"
      Resource = "${aws_cloudwatch_log_group.firehose.arn}:log-stream:*"
    },
  ])
}
