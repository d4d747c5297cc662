# Four buckets: the lake; the archive, a copy of what landed; work, for what may go after some days; and logs of who did what with them.

data "aws_caller_identity" "this" {}

locals {
  name = "${var.prefix}-${data.aws_caller_identity.this.account_id}"
}

module "logs" {
  source = "../bucket"

  name              = "${local.name}-logs"
  noncurrent_days   = var.noncurrent_days
  expire_after_days = { all = var.log_days }

  statements = jsonencode([{
    Sid       = "LogsOfS3AndLoadBalancers"
    Effect    = "Allow"
    Principal = { Service = ["logging.s3.amazonaws.com", "logdelivery.elasticloadbalancing.amazonaws.com"] }
    Action    = "s3:PutObject"
    Resource  = "arn:aws:s3:::${local.name}-logs/*"
    Condition = { StringEquals = { "aws:SourceAccount" = data.aws_caller_identity.this.account_id } }
  }])
}

module "lake" {
  source = "../bucket"

  name              = "${local.name}-lake"
  key_arn           = var.key_arn
  log_bucket        = module.logs.name
  noncurrent_days   = var.noncurrent_days
  expire_after_days = { "firehose-errors/" = 30 }
}

module "archive" {
  source = "../bucket"

  name               = "${local.name}-archive"
  key_arn            = var.key_arn
  log_bucket         = module.logs.name
  noncurrent_days    = var.noncurrent_days
  glacier_after_days = 30
  expire_after_days  = var.archive_days == null ? {} : { all = var.archive_days }
}

module "work" {
  source = "../bucket"

  name            = "${local.name}-work"
  key_arn         = var.key_arn
  log_bucket      = module.logs.name
  noncurrent_days = 1

  expire_after_days = {
    "compute-logs/" = var.run_log_days
    "athena/"       = 7
    "redshift/"     = 7
    "spark/"        = var.run_log_days
  }
}

# All that is under landing/ is copied as it comes, and deleted there when it is deleted here, so that erasing a person reaches the copy too.
resource "aws_s3_bucket_replication_configuration" "archive" {
  bucket = module.lake.name
  role   = module.replication_role.arn

  rule {
    id     = "landing"
    status = "Enabled"

    filter {
      prefix = "lake/landing/"
    }

    delete_marker_replication {
      status = "Enabled"
    }

    source_selection_criteria {
      sse_kms_encrypted_objects {
        status = "Enabled"
      }
    }

    destination {
      bucket        = module.archive.arn
      storage_class = "STANDARD_IA"

      encryption_configuration {
        replica_kms_key_id = var.key_arn
      }
    }
  }

  depends_on = [module.lake, module.archive]
}

module "replication_role" {
  source = "../role"

  name       = "${var.prefix}-replication"
  services   = ["s3.amazonaws.com"]
  account_id = data.aws_caller_identity.this.account_id
  policy     = "copy-landing"

  statements = jsonencode([
    {
      Effect   = "Allow"
      Action   = ["s3:GetReplicationConfiguration", "s3:ListBucket"]
      Resource = module.lake.arn
    },
    {
      Effect   = "Allow"
      Action   = ["s3:GetObjectVersionForReplication", "s3:GetObjectVersionAcl", "s3:GetObjectVersionTagging"]
      Resource = "${module.lake.arn}/lake/landing/*"
    },
    {
      Effect   = "Allow"
      Action   = ["s3:ReplicateObject", "s3:ReplicateDelete", "s3:ReplicateTags"]
      Resource = "${module.archive.arn}/lake/landing/*"
    },
    {
      Effect   = "Allow"
      Action   = ["kms:Decrypt", "kms:GenerateDataKey"]
      Resource = var.key_arn
    },
  ])
}
