# The containers: all of one image, each with its own command, settings, secrets and rights.

locals {
  image = "${aws_ecr_repository.platform.repository_url}:${var.image_tag}"

  size = {
    code      = { cpu = 1024, memory = 4096, disk_gigabytes = 21 }
    run       = { cpu = 2048, memory = 8192, disk_gigabytes = 60 }
    webserver = { cpu = 512, memory = 2048, disk_gigabytes = 21 }
    daemon    = { cpu = 512, memory = 2048, disk_gigabytes = 21 }
    collector = { cpu = 1024, memory = 2048, disk_gigabytes = 21 }
    poller    = { cpu = 256, memory = 1024, disk_gigabytes = 21 }
    consumer  = { cpu = 512, memory = 2048, disk_gigabytes = 21 }
    alerter   = { cpu = 512, memory = 2048, disk_gigabytes = 21 }
    loader    = { cpu = 1024, memory = 4096, disk_gigabytes = 40 }
    maintain  = { cpu = 2048, memory = 8192, disk_gigabytes = 60 }
  }
  sizes = merge(local.size, var.sizes)

  platform = {
    AWS_DEFAULT_REGION     = var.region
    EVENT_PLATFORM_HOME    = "/var/lib/event-platform"
    EVENT_PLATFORM_LAKE    = "s3://${module.lake.lake}/lake"
    EVENT_PLATFORM_CATALOG = "glue"
  }

  dagster = merge(local.platform, {
    DAGSTER_HOME          = "/opt/dagster/ecs"
    DAGSTER_POSTGRES_HOST = module.database.address
    DAGSTER_POSTGRES_USER = "dagster"
    DAGSTER_POSTGRES_DB   = "dagster"
    COMPUTE_LOG_BUCKET    = module.lake.work
    RUN_TASK_DEFINITION   = "${var.prefix}-run"
  })

  database_password = { DAGSTER_POSTGRES_PASSWORD = "${module.database.secret_arn}:password::" }

  # What runs work with, so what maintenance works with too.
  pipeline = merge(
    local.dagster,
    { for _ in compact([var.insights_url]) : "EVENT_PLATFORM_INSIGHTS_URL" => var.insights_url },
    merge([for spark in module.spark : {
      EVENT_PLATFORM_EMR_APPLICATION                = spark.application_id
      EVENT_PLATFORM_EMR_ROLE_ARN                   = spark.role_arn
      EVENT_PLATFORM_EMR_ENTRY_POINT                = "local:///opt/event-platform/event_platform/emr.py"
      EVENT_PLATFORM_EMR_SET_EVENT_PLATFORM_HOME    = "/tmp/event-platform"
      EVENT_PLATFORM_EMR_SET_EVENT_PLATFORM_LAKE    = local.platform.EVENT_PLATFORM_LAKE
      EVENT_PLATFORM_EMR_SET_EVENT_PLATFORM_CATALOG = local.platform.EVENT_PLATFORM_CATALOG
    }]...),
  )

  lasting = merge(
    merge([for places in(length(var.weather_places) == 0 ? [] : [var.weather_places]) : {
      consumer = {
        command     = ["event-platform", "consume-kinesis", "weather", "--stream", module.intake.stream]
        environment = merge(local.platform, local.alerting.environment)
        files       = local.alerting.files
        rights      = ["consumer", "alerter"]
        at_most_one = true
      }
    }]...),
    {
      code = {
        command     = ["dagster", "api", "grpc", "-h", "0.0.0.0", "-p", "4000", "-m", "event_platform.definitions"]
        health      = ["dagster", "api", "grpc-health-check", "-p", "4000"]
        ports       = { grpc = 4000 }
        environment = local.pipeline
        secrets     = local.database_password
        rights      = ["pipeline", "spark"]
      }
      # The UI asks nobody for a password: no load balancer is before it, and people reach it through a session only.
      webserver = {
        command     = ["dagster-webserver", "-h", "127.0.0.1", "-p", "3000", "-w", "/opt/dagster/workspace.yaml"]
        health      = ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:3000/server_info', timeout=15)"]
        environment = local.dagster
        secrets     = local.database_password
        rights      = ["control", "sessions"]
        reachable   = true
      }
      daemon = {
        command     = ["dagster-daemon", "run", "-w", "/opt/dagster/workspace.yaml"]
        health      = ["dagster-daemon", "liveness-check"]
        environment = local.dagster
        secrets     = local.database_password
        rights      = ["control"]
        at_most_one = true
      }
    },
    merge([for disk in module.disk : {
      collector = {
        command      = ["event-platform", "collect", "--host", "0.0.0.0", "--port", "8080"]
        health       = ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:8080/health', timeout=15)"]
        ports        = { http = 8080 }
        environment  = local.platform
        secrets      = { for name in keys(var.collector.keys) : "COLLECTOR_${upper(name)}" => aws_secretsmanager_secret.given["collector_${name}"].arn }
        files        = { "collector.toml" = templatefile("${path.module}/files/collector.toml.tftpl", { topics = local.topics, origins = var.collector.origins, keys = var.collector.keys }) }
        rights       = ["collector"]
        lasting_disk = disk.volume
        front        = module.front[0].target_group_arn
      }
    }]...),
  )

  # What is added where weather is polled: the consumer lands what comes through the stream, and sends alerts at once.
  alerting = {
    environment = { ALERTS_BY_EMAIL = module.alert_email.arn, ALERTS_BY_SMS = module.alert_sms.arn }
    files       = { "alerts.toml" = templatefile("${path.module}/files/alerts.toml.tftpl", { rules = var.alert_rules, hours = var.alert_hours, recipients = local.recipients }) }
  }

  # Runs are containers of their own, which the webserver and the daemon start: a new code location does not end them.
  started = {
    run = {
      command     = ["event-platform", "--version"]
      environment = local.pipeline
      secrets     = local.database_password
      rights      = ["pipeline", "spark"]
    }
  }

  scheduled = merge(
    {
      maintain = {
        command     = ["event-platform", "maintain"]
        environment = local.pipeline
        secrets     = local.database_password
        rights      = ["pipeline"]
        when        = var.schedules.maintain
      }
    },
    merge([for places in(length(var.weather_places) == 0 ? [] : [var.weather_places]) : {
      poller = {
        command     = ["event-platform", "poll", "weather", "--to-stream", module.intake.stream]
        environment = merge(local.platform, { EVENT_PLATFORM_WEATHER_PLACES = join(";", [for name, place in places : "${name}=${place}"]) })
        secrets     = { EVENT_PLATFORM_TOMORROW_API_KEY = aws_secretsmanager_secret.given["tomorrow_api_key"].arn }
        rights      = ["poller"]
        when        = var.schedules.poll
      }
      alerter = {
        command     = ["event-platform", "alerts", "run"]
        environment = merge(local.dagster, local.alerting.environment)
        secrets     = local.database_password
        files       = local.alerting.files
        rights      = ["alerter"]
        when        = var.schedules.alert
      }
    }]...),
    merge([for redshift in module.redshift : {
      loader = {
        command = ["sh", "-c", join(" && ", [for table in var.redshift.tables : "event-platform redshift load ${table}"])]
        environment = merge(local.platform, {
          EVENT_PLATFORM_REDSHIFT_WORKGROUP = redshift.workgroup
          EVENT_PLATFORM_REDSHIFT_DATABASE  = var.redshift.database
          EVENT_PLATFORM_REDSHIFT_ROLE_ARN  = redshift.role_arn
          EVENT_PLATFORM_REDSHIFT_STAGING   = "s3://${module.lake.work}/redshift"
        })
        rights = ["loader"]
        when   = var.schedules.load
      }
    }]...),
  )

  # Only those are recipients whom somebody is behind.
  recipients = merge(
    length(var.alert_emails) == 0 ? {} : { email = "ALERTS_BY_EMAIL" },
    length(var.alert_phones) == 0 ? {} : { sms = "ALERTS_BY_SMS" },
  )
}

module "component" {
  source   = "./modules/component"
  for_each = merge(local.lasting, local.started, local.scheduled)

  prefix         = var.prefix
  name           = each.key
  region         = var.region
  account_id     = local.account_id
  key_arn        = aws_kms_key.this.arn
  image          = local.image
  repository_arn = aws_ecr_repository.platform.arn
  command        = each.value.command
  environment    = each.value.environment
  secrets        = try(each.value.secrets, {})
  files          = try(each.value.files, {})
  ports          = try(each.value.ports, {})
  health         = try(each.value.health, [])
  read_only      = !try(each.value.reachable, false)
  lasting_disk   = try(each.value.lasting_disk, null)
  statements     = jsonencode(flatten([for name in each.value.rights : jsondecode(local.rights[name])]))
  cpu            = local.sizes[each.key].cpu
  memory         = local.sizes[each.key].memory
  disk_gigabytes = local.sizes[each.key].disk_gigabytes
  log_days       = var.log_days
}

module "service" {
  source   = "./modules/service"
  for_each = local.lasting

  name                = each.key
  cluster_arn         = aws_ecs_cluster.this.arn
  namespace_arn       = aws_service_discovery_http_namespace.this.arn
  task_definition_arn = module.component[each.key].task_definition_arn
  at_most_one         = try(each.value.at_most_one, false)
  reachable           = try(each.value.reachable, false)
  offers              = { for name, port in try(each.value.ports, {}) : name => port if name == "grpc" }
  target_group_arn    = try(each.value.front, null)
  target_port         = try(each.value.ports.http, null)
  subnet_ids          = var.private_subnet_ids
  security_group_id   = aws_security_group.containers.id
}

module "schedule" {
  source   = "./modules/schedule"
  for_each = local.scheduled

  prefix              = var.prefix
  name                = each.key
  account_id          = local.account_id
  group               = aws_scheduler_schedule_group.this.name
  expression          = each.value.when
  key_arn             = aws_kms_key.this.arn
  cluster_arn         = aws_ecs_cluster.this.arn
  task_definition_arn = module.component[each.key].task_definition_arn
  role_arns           = [module.component[each.key].role_arn, module.component[each.key].start_role_arn]
  subnet_ids          = var.private_subnet_ids
  security_group_id   = aws_security_group.containers.id
}
