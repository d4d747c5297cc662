# What each component may do, and nothing else. Components that read people's data share no rights with those that send or load it.

locals {
  lake    = "arn:aws:s3:::${module.lake.lake}"
  archive = "arn:aws:s3:::${module.lake.archive}"
  work    = "arn:aws:s3:::${module.lake.work}"
  glue    = "arn:aws:glue:${var.region}:${local.account_id}"

  # The alerter reads one table and writes another; nobody who loads or shows tables gets these.
  watched = "trusted/weather"
  told    = "aggregate/weather_alerts"

  loaded = [for table in(var.redshift == null ? [] : var.redshift.tables) : replace(table, ".", "/")]
  topics = distinct(flatten(values(var.collector == null ? {} : var.collector.keys)))

  use_key = {
    Effect   = "Allow"
    Action   = ["kms:Decrypt", "kms:GenerateDataKey"]
    Resource = aws_kms_key.this.arn
  }

  glue_reads  = ["glue:GetDatabase", "glue:GetDatabases", "glue:GetTable", "glue:GetTables"]
  glue_writes = ["glue:CreateDatabase", "glue:CreateTable", "glue:DeleteTable", "glue:UpdateTable"]

  refuse_what_alerts_are_made_of = {
    Effect   = "Deny"
    Action   = ["s3:GetObject", "glue:GetTable"]
    Resource = flatten([for table in [local.watched, local.told] : ["${local.lake}/lake/${table}/*", "${local.glue}:table/${table}"]])
  }

  # The code location, its runs, maintenance and Spark: all layers, all feeds.
  pipeline_rights = jsonencode([
    {
      Effect   = "Allow"
      Action   = ["s3:AbortMultipartUpload", "s3:DeleteObject", "s3:GetObject", "s3:ListMultipartUploadParts", "s3:PutObject"]
      Resource = "${local.lake}/lake/*"
    },
    {
      Effect    = "Allow"
      Action    = ["s3:ListBucket", "s3:ListBucketMultipartUploads"]
      Resource  = local.lake
      Condition = { StringLike = { "s3:prefix" = ["lake", "lake/*"] } }
    },
    {
      Effect   = "Allow"
      Action   = concat(local.glue_reads, local.glue_writes)
      Resource = flatten(["${local.glue}:catalog", [for layer in keys(local.layers) : ["${local.glue}:database/${layer}", "${local.glue}:table/${layer}/*"]]])
    },
    {
      Effect   = "Allow"
      Action   = ["s3:GetObject", "s3:PutObject"]
      Resource = "${local.work}/compute-logs/*"
    },
    local.use_key,
  ])


  # Redshift itself reads what the loader put down, and through Spectrum the tables that may be loaded.
  redshift_rights = jsonencode([
    {
      Effect   = "Allow"
      Action   = "s3:GetObject"
      Resource = concat(["${local.work}/redshift/*"], [for table in local.loaded : "${local.lake}/lake/${table}/*"])
    },
    {
      Effect    = "Allow"
      Action    = "s3:ListBucket"
      Resource  = [local.work, local.lake]
      Condition = { StringLike = { "s3:prefix" = concat(["redshift/*"], [for table in local.loaded : "lake/${table}/*"]) } }
    },
    {
      Effect   = "Allow"
      Action   = local.glue_reads
      Resource = concat(["${local.glue}:catalog", "${local.glue}:database/trusted", "${local.glue}:database/aggregate"], [for table in local.loaded : "${local.glue}:table/${table}"])
    },
    local.use_key,
    local.refuse_what_alerts_are_made_of,
  ])


  # For each component its statements, as JSON, for they are of different shapes.
  rights = {
    pipeline = local.pipeline_rights

    # The webserver and the daemon start and end runs and show what they printed; they see no table.
    control = jsonencode([
      {
        Effect    = "Allow"
        Action    = "ecs:RunTask"
        Resource  = "arn:aws:ecs:${var.region}:${local.account_id}:task-definition/${var.prefix}-run:*"
        Condition = { ArnEquals = { "ecs:cluster" = aws_ecs_cluster.this.arn } }
      },
      {
        Effect   = "Allow"
        Action   = ["ecs:DescribeTasks", "ecs:StopTask", "ecs:TagResource"]
        Resource = "arn:aws:ecs:${var.region}:${local.account_id}:task/${var.prefix}/*"
      },
      {
        # These cannot be bound to a resource.
        Effect   = "Allow"
        Action   = ["ec2:DescribeNetworkInterfaces", "ecs:DescribeTaskDefinition"]
        Resource = "*"
      },
      {
        Effect    = "Allow"
        Action    = "iam:PassRole"
        Resource  = ["arn:aws:iam::${local.account_id}:role/${var.prefix}-run", "arn:aws:iam::${local.account_id}:role/${var.prefix}-run-start"]
        Condition = { StringEquals = { "iam:PassedToService" = "ecs-tasks.amazonaws.com" } }
      },
      {
        Effect   = "Allow"
        Action   = "logs:GetLogEvents"
        Resource = "arn:aws:logs:${var.region}:${local.account_id}:log-group:/${var.prefix}/run:*"
      },
      {
        Effect   = "Allow"
        Action   = "s3:GetObject"
        Resource = "${local.work}/compute-logs/*"
      },
      local.use_key,
    ])

    # People reach the webserver through a session of the Systems Manager, which the container opens.
    sessions = jsonencode([{
      Effect   = "Allow"
      Action   = ["ssmmessages:CreateControlChannel", "ssmmessages:CreateDataChannel", "ssmmessages:OpenControlChannel", "ssmmessages:OpenDataChannel"]
      Resource = "*"
    }])

    # The collector adds files to the queues of its topics, and reads no table.
    collector = jsonencode(concat(
      [for disk in module.disk : {
        Effect    = "Allow"
        Action    = ["elasticfilesystem:ClientMount", "elasticfilesystem:ClientWrite"]
        Resource  = disk.file_system_arn
        Condition = { StringEquals = { "elasticfilesystem:AccessPointArn" = "arn:aws:elasticfilesystem:${var.region}:${local.account_id}:access-point/${disk.volume.access_point_id}" } }
      }],
      [for feed in local.topics : {
        Effect   = "Allow"
        Action   = ["s3:AbortMultipartUpload", "s3:GetObject", "s3:PutObject"]
        Resource = "${local.lake}/lake/landing/${feed}/pending/*"
      }],
      [{
        Effect    = "Allow"
        Action    = "s3:ListBucket"
        Resource  = local.lake
        Condition = { StringLike = { "s3:prefix" = [for feed in local.topics : "lake/landing/${feed}/pending/*"] } }
      }],
      [local.use_key],
    ))

    # The poller puts the weather into the stream, and sees nothing of the lake.
    poller = jsonencode([
      {
        Effect   = "Allow"
        Action   = ["kinesis:PutRecord", "kinesis:PutRecords"]
        Resource = module.intake.stream_arn
      },
      local.use_key,
    ])

    # The consumer takes it out, adds files to the queue of the weather, and notes how far it came; it has the alerter's rights beside these.
    consumer = jsonencode([
      {
        Effect   = "Allow"
        Action   = ["kinesis:DescribeStreamSummary", "kinesis:GetRecords", "kinesis:GetShardIterator", "kinesis:ListShards"]
        Resource = module.intake.stream_arn
      },
      {
        Effect   = "Allow"
        Action   = ["s3:AbortMultipartUpload", "s3:GetObject", "s3:PutObject"]
        Resource = ["${local.lake}/lake/landing/weather/pending/*", "${local.lake}/lake/landing/weather/streams/*"]
      },
      {
        Effect    = "Allow"
        Action    = "s3:ListBucket"
        Resource  = local.lake
        Condition = { StringLike = { "s3:prefix" = ["lake/landing/weather/pending/*", "lake/landing/weather/streams/*"] } }
      },
      local.use_key,
    ])

    # The alerter reads the weather, writes down what it tells, and tells it.
    alerter = jsonencode([
      {
        Effect   = "Allow"
        Action   = "s3:GetObject"
        Resource = "${local.lake}/lake/${local.watched}/*"
      },
      {
        Effect   = "Allow"
        Action   = ["s3:AbortMultipartUpload", "s3:DeleteObject", "s3:GetObject", "s3:PutObject"]
        Resource = "${local.lake}/lake/${local.told}/*"
      },
      {
        Effect    = "Allow"
        Action    = "s3:ListBucket"
        Resource  = local.lake
        Condition = { StringLike = { "s3:prefix" = [for table in [local.watched, local.told] : "lake/${table}/*"] } }
      },
      {
        Effect   = "Allow"
        Action   = local.glue_reads
        Resource = ["${local.glue}:catalog", "${local.glue}:database/trusted", "${local.glue}:database/aggregate", "${local.glue}:table/${local.watched}", "${local.glue}:table/${local.told}"]
      },
      {
        Effect   = "Allow"
        Action   = ["glue:CreateTable", "glue:UpdateTable"]
        Resource = ["${local.glue}:catalog", "${local.glue}:database/aggregate", "${local.glue}:table/${local.told}"]
      },
      {
        Effect   = "Allow"
        Action   = "sns:Publish"
        Resource = [module.alert_email.arn, module.alert_sms.arn]
      },
      local.use_key,
    ])

    # The loader reads the tables it is told to load, and gives files and statements to Redshift.
    loader = jsonencode([
      {
        Effect   = "Allow"
        Action   = "s3:GetObject"
        Resource = [for table in local.loaded : "${local.lake}/lake/${table}/*"]
      },
      {
        Effect    = "Allow"
        Action    = "s3:ListBucket"
        Resource  = local.lake
        Condition = { StringLike = { "s3:prefix" = [for table in local.loaded : "lake/${table}/*"] } }
      },
      {
        Effect   = "Allow"
        Action   = local.glue_reads
        Resource = concat(["${local.glue}:catalog", "${local.glue}:database/trusted", "${local.glue}:database/aggregate"], [for table in local.loaded : "${local.glue}:table/${table}"])
      },
      {
        Effect   = "Allow"
        Action   = ["s3:AbortMultipartUpload", "s3:GetObject", "s3:PutObject"]
        Resource = "${local.work}/redshift/*"
      },
      {
        Effect    = "Allow"
        Action    = "s3:ListBucket"
        Resource  = local.work
        Condition = { StringLike = { "s3:prefix" = ["redshift/*"] } }
      },
      {
        Effect   = "Allow"
        Action   = ["redshift-data:BatchExecuteStatement", "redshift-data:ExecuteStatement", "redshift-serverless:GetCredentials"]
        Resource = [for redshift in module.redshift : redshift.workgroup_arn]
      },
      {
        # Of statements one may only ask for one's own.
        Effect    = "Allow"
        Action    = ["redshift-data:CancelStatement", "redshift-data:DescribeStatement", "redshift-data:GetStatementResult"]
        Resource  = "*"
        Condition = { StringEquals = { "redshift-data:statement-owner-iam-userid" = "$${aws:userid}" } }
      },
      local.use_key,
      local.refuse_what_alerts_are_made_of,
    ])

    # On top of the pipeline's, for those who may hand work to Spark.
    spark = jsonencode(flatten([for spark in module.spark : [
      {
        Effect   = "Allow"
        Action   = ["emr-serverless:CancelJobRun", "emr-serverless:GetApplication", "emr-serverless:GetJobRun", "emr-serverless:StartApplication", "emr-serverless:StartJobRun"]
        Resource = [spark.application_arn, "${spark.application_arn}/jobruns/*"]
      },
      {
        Effect    = "Allow"
        Action    = "iam:PassRole"
        Resource  = spark.role_arn
        Condition = { StringEquals = { "iam:PassedToService" = "emr-serverless.amazonaws.com" } }
      },
      {
        Effect   = "Allow"
        Action   = ["logs:DescribeLogStreams", "logs:FilterLogEvents", "logs:GetLogEvents"]
        Resource = [spark.log_group_arn, "${spark.log_group_arn}:log-stream:*"]
      },
    ]]))
  }
}
