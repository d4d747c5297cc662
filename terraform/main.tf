# What the containers stand on: a key, buckets, catalogue, streams, topics, the database, the cluster. The containers are in components.tf, what each
# may do in rights.tf.

data "aws_caller_identity" "this" {}

locals {
  account_id = data.aws_caller_identity.this.account_id
  user       = 10001 # of docker/Dockerfile

  layers = {
    landing    = "One row per file, as received"
    stage      = "One row per parsed record, by the date it landed"
    quarantine = "Lines that could not be used, and why"
    trusted    = "One row per event, its latest version"
    aggregate  = "Answers that equal recomputing them from trusted"
  }
}

module "lake" {
  source = "./modules/lake"

  prefix          = var.prefix
  key_arn         = aws_kms_key.this.arn
  noncurrent_days = var.noncurrent_days
  archive_days    = var.archive_days
  run_log_days    = var.run_log_days
  log_days        = var.log_days
}

module "catalog" {
  source = "./modules/catalog"

  prefix               = var.prefix
  layers               = local.layers
  lake_bucket          = module.lake.lake
  work_bucket          = module.lake.work
  key_arn              = aws_kms_key.this.arn
  scan_limit_gigabytes = var.athena_scan_limit_gigabytes
}

module "intake" {
  source = "./modules/intake"

  prefix          = var.prefix
  account_id      = local.account_id
  stream          = "weather"
  feed            = "storefront"
  lake_bucket     = module.lake.lake
  key_arn         = aws_kms_key.this.arn
  retention_hours = var.stream_hours
  log_days        = var.log_days
}

module "alert_email" {
  source = "./modules/notices"

  name    = "${var.prefix}-alerts-by-email"
  title   = "Weather alert"
  key_arn = aws_kms_key.this.arn
  emails  = var.alert_emails
}

module "alert_sms" {
  source = "./modules/notices"

  name    = "${var.prefix}-alerts-by-sms"
  title   = "Weather"
  key_arn = aws_kms_key.this.arn
  phones  = var.alert_phones
}

module "operators" {
  source = "./modules/notices"

  name     = "${var.prefix}-operators"
  title    = "Event platform"
  key_arn  = aws_kms_key.this.arn
  emails   = var.operator_emails
  services = ["cloudwatch.amazonaws.com", "events.amazonaws.com"]
}

module "database" {
  source = "./modules/database"

  name                     = var.prefix
  account_id               = local.account_id
  vpc_id                   = var.vpc_id
  subnet_ids               = var.private_subnet_ids
  client_security_group_id = aws_security_group.containers.id
  key_arn                  = aws_kms_key.this.arn
  instance_class           = var.database_class
  backup_days              = var.database_backup_days
  password_days            = var.password_days
}

module "disk" {
  source = "./modules/disk"
  count  = var.collector == null ? 0 : 1

  name                     = "${var.prefix}-collector"
  vpc_id                   = var.vpc_id
  subnet_ids               = var.private_subnet_ids
  client_security_group_id = aws_security_group.containers.id
  key_arn                  = aws_kms_key.this.arn
  user                     = local.user
}

module "front" {
  source = "./modules/front"
  count  = var.collector == null ? 0 : 1

  name                     = "${var.prefix}-collector"
  vpc_id                   = var.vpc_id
  subnet_ids               = var.collector.subnet_ids
  internal                 = var.collector.internal
  allowed                  = var.collector.allowed
  certificate_arn          = var.collector.certificate_arn
  port                     = 8080
  server_security_group_id = aws_security_group.containers.id
  log_bucket               = module.lake.logs
}

module "spark" {
  source = "./modules/spark"
  count  = var.spark == null ? 0 : 1

  name              = var.prefix
  region            = var.region
  account_id        = local.account_id
  image             = var.spark.image
  release           = var.spark.release
  processors        = var.spark.processors
  memory_gigabytes  = var.spark.memory_gigabytes
  subnet_ids        = var.private_subnet_ids
  security_group_id = aws_security_group.containers.id
  key_arn           = aws_kms_key.this.arn
  statements        = local.pipeline_rights
  log_days          = var.log_days
}

module "redshift" {
  source = "./modules/redshift"
  count  = var.redshift == null ? 0 : 1

  name             = var.prefix
  database         = var.redshift.database
  capacity         = var.redshift.capacity
  unit_hours_a_day = var.redshift.unit_hours_a_day
  vpc_id           = var.vpc_id
  subnet_ids       = var.private_subnet_ids
  key_arn          = aws_kms_key.this.arn
  statements       = local.redshift_rights
}

module "governance" {
  source = "./modules/governance"
  count  = var.lake_formation == null ? 0 : 1

  prefix           = var.prefix
  lake_bucket      = module.lake.lake
  layers           = keys(local.layers)
  personal_columns = var.personal_columns
  people           = var.lake_formation.people

  depends_on = [module.catalog]
}

resource "aws_ecr_repository" "platform" {
  name                 = var.prefix
  image_tag_mutability = "IMMUTABLE"

  encryption_configuration {
    encryption_type = "KMS"
    kms_key         = aws_kms_key.this.arn
  }

  image_scanning_configuration {
    scan_on_push = true
  }
}

resource "aws_ecr_lifecycle_policy" "platform" {
  repository = aws_ecr_repository.platform.name

  policy = jsonencode({
    rules = [{
      rulePriority = 1
      description  = "So many versions to go back to"
      selection    = { tagStatus = "any", countType = "imageCountMoreThan", countNumber = 50 }
      action       = { type = "expire" }
    }]
  })
}

resource "aws_ecs_cluster" "this" {
  name = var.prefix

  setting {
    name  = "containerInsights"
    value = "enabled"
  }
}

resource "aws_scheduler_schedule_group" "this" {
  name = var.prefix
}

resource "aws_service_discovery_http_namespace" "this" {
  name        = var.prefix
  description = "Under which containers find each other"
}

resource "aws_security_group" "containers" {
  # checkov:skip=CKV2_AWS_5:Services and schedules have it, by way of their modules, which checkov does not follow
  name        = "${var.prefix}-containers"
  description = "All containers of the platform"
  vpc_id      = var.vpc_id
}

resource "aws_vpc_security_group_egress_rule" "out" {
  # checkov:skip=CKV_AWS_382:Containers ask AWS, the weather API and each other; all else is for the network's own rules
  security_group_id = aws_security_group.containers.id
  description       = "AWS, APIs, the database"
  cidr_ipv4         = "0.0.0.0/0"
  ip_protocol       = "-1"
}

resource "aws_vpc_security_group_ingress_rule" "code" {
  security_group_id            = aws_security_group.containers.id
  description                  = "Webserver and daemon to the code location"
  referenced_security_group_id = aws_security_group.containers.id
  ip_protocol                  = "tcp"
  from_port                    = 4000
  to_port                      = 4000
}
