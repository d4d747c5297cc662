# What is watched, and what to do when it goes wrong.

locals {
  running = { for name, _ in local.lasting : "${name}-is-away" => {
    namespace  = "ECS/ContainerInsights"
    metric     = "RunningTaskCount"
    dimensions = { ClusterName = aws_ecs_cluster.this.name, ServiceName = name }
    statistic  = "Minimum"
    below      = true
    threshold  = 1
    missing    = "breaching"
    what_to_do = "No container of ${name} runs. Its last words are in the log group /${var.prefix}/${name}; nothing that was acknowledged is lost."
  } }

  watched_things = {
    schedules-do-not-start = {
      namespace  = "AWS/Scheduler"
      metric     = "TargetErrorCount"
      dimensions = { ScheduleGroup = aws_scheduler_schedule_group.this.name }
      statistic  = "Sum"
      threshold  = 0
      what_to_do = "EventBridge could not start containers, for instance because the subnets have no addresses left. The next time does all that is due."
    }
    database-is-filling = {
      namespace  = "AWS/RDS"
      metric     = "FreeStorageSpace"
      dimensions = { DBInstanceIdentifier = module.database.identifier }
      statistic  = "Minimum"
      below      = true
      threshold  = 5 * 1024 * 1024 * 1024
      what_to_do = "Dagster's database is nearly full: does the maintenance run, which prunes run logs? Storage grows by itself up to its limit."
    }
    stream-is-not-read = {
      namespace  = "AWS/Kinesis"
      metric     = "GetRecords.IteratorAgeMilliseconds"
      dimensions = { StreamName = module.intake.stream }
      threshold  = 15 * 60 * 1000
      what_to_do = "Events wait in the stream for over a quarter of an hour, and are lost after ${var.stream_hours} hours: look at what reads it."
    }
    firehose-is-late = {
      namespace  = "AWS/Firehose"
      metric     = "DeliveryToS3.DataFreshness"
      dimensions = { DeliveryStreamName = module.intake.delivery_stream }
      threshold  = 15 * 60
      what_to_do = "Firehose has not delivered for a quarter of an hour; its log group /${var.prefix}/firehose says why. It tries for a day."
    }
  }

  collector_fails = { for front in module.front : "collector-fails" => {
    namespace  = "AWS/ApplicationELB"
    metric     = "HTTPCode_Target_5XX_Count"
    dimensions = { LoadBalancer = front.dimension }
    statistic  = "Sum"
    threshold  = 100
    what_to_do = "The collector refuses events; clients send them again. /health says what is wrong: its disk or its limits."
  } }
}

module "alarms" {
  source = "./modules/alarms"

  prefix    = var.prefix
  topic_arn = module.operators.arn
  alarms    = merge(local.running, local.watched_things, local.collector_fails)
}

# A container that was to run to its end and failed: the poller, the alerter, the loader, maintenance, a run.
resource "aws_cloudwatch_event_rule" "failed" {
  name        = "${var.prefix}-container-failed"
  description = "A container that runs to its end ended badly"

  event_pattern = jsonencode({
    source        = ["aws.ecs"]
    "detail-type" = ["ECS Task State Change"]
    detail = {
      clusterArn = [aws_ecs_cluster.this.arn]
      lastStatus = ["STOPPED"]
      group      = [for name in keys(merge(local.started, local.scheduled)) : "family:${var.prefix}-${name}"]
      containers = { exitCode = [{ "anything-but" = 0 }] }
    }
  })
}

resource "aws_cloudwatch_event_target" "failed" {
  rule = aws_cloudwatch_event_rule.failed.name
  arn  = module.operators.arn

  input_transformer {
    input_paths    = { group = "$.detail.group", reason = "$.detail.stoppedReason" }
    input_template = "\"<group> ended badly: <reason>. Its last words are in its log group; the next time does what is left.\""
  }
}
