# What an installation decides. Those without a default must be given; terraform.tfvars.example has all that most will want to say.

# Where

variable "region" {
  description = "The AWS region that everything is in."
  type        = string
}

variable "prefix" {
  description = "What all names begin with, so that several installations fit into one account (but for Glue's databases, which are named as the layers)."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,19}$", var.prefix))
    error_message = "The prefix is 2 to 20 of a-z, 0-9 and -, beginning with a letter."
  }
}

variable "vpc_id" {
  description = "The network that containers and databases are in."
  type        = string
}

variable "private_subnet_ids" {
  description = "Subnets in at least two zones, with a way out to AWS and to the APIs that are asked (a NAT gateway), and none in."
  type        = list(string)

  validation {
    condition     = length(var.private_subnet_ids) >= 2
    error_message = "Give private subnets in at least two zones."
  }
}

variable "image_tag" {
  description = "Which image of the platform runs; `make deploy` gives the commit."
  type        = string
}

# How long things are kept

variable "noncurrent_days" {
  description = "How long what was deleted or overwritten on S3 can be brought back; an erased person is gone for good after these days."
  type        = number
  default     = 7
}

variable "archive_days" {
  description = "How long the archive keeps its copy of what landed; null for as long as the lake keeps the original."
  type        = number
  default     = null
}

variable "run_log_days" {
  description = "How long what runs print is kept."
  type        = number
  default     = 30
}

variable "log_days" {
  description = "How long logs of containers and of accesses are kept."
  type        = number
  default     = 365
}

variable "stream_hours" {
  description = "How long Kinesis keeps an event that nobody has read."
  type        = number
  default     = 48
}

variable "database_backup_days" {
  description = "How far back Dagster's database can be set."
  type        = number
  default     = 14
}

variable "password_days" {
  description = "After how many days AWS changes the password of Dagster's database; the services must be started anew then."
  type        = number
  default     = 180
}

# Whom to tell

variable "operator_emails" {
  description = "Addresses that alarms about the platform itself go to."
  type        = list(string)
}

variable "alert_emails" {
  description = "Addresses that weather alerts go to."
  type        = list(string)
  default     = []
}

variable "alert_phones" {
  description = "Telephone numbers that weather alerts go to, such as +15550100."
  type        = list(string)
  default     = []
}

variable "alert_rules" {
  description = "Thresholds on numeric columns of trusted.weather, by name, in the column's unit; docs/feeds/weather.md says what each means."
  type = map(object({
    column           = string
    above            = optional(number)
    below            = optional(number)
    clear            = optional(number)
    cooldown_minutes = optional(number, 60)
  }))
  default = {
    gale  = { column = "wind_gust_m_per_s", above = 20, clear = 16 }
    frost = { column = "temperature_celsius", below = 0, clear = 1 }
  }
}

variable "alert_hours" {
  description = "Hours of the day in which nobody is disturbed."
  type = object({
    time_zone   = string
    quiet_from  = string
    quiet_until = string
  })
  default = null
}

# What is asked and when

variable "weather_places" {
  description = "Places whose weather is asked for: a name and what Tomorrow.io calls it. Empty: no weather."
  type        = map(string)
  default     = {}
}

variable "insights_url" {
  description = "Address of the insights API; null: it is not asked."
  type        = string
  default     = null
}

variable "schedules" {
  description = "When containers are started that run to their end, as EventBridge writes it, in UTC."
  type = object({
    poll     = optional(string, "rate(15 minutes)")
    alert    = optional(string, "rate(5 minutes)")
    load     = optional(string, "rate(1 hour)")
    maintain = optional(string, "cron(0 3 * * ? *)")
  })
  default = {}
}

# Who may ask, and how much

variable "athena_scan_limit_gigabytes" {
  description = "A query in Athena that would read more is refused."
  type        = number
  default     = 100
}

variable "collector" {
  description = <<-EOT
    The collector on the internet, or within the network; null: none. `keys` are its clients, each with the topics it may post; `make deploy` says where to put their secrets.
    Subnets are public ones unless `internal`.
  EOT
  type = object({
    certificate_arn = string
    subnet_ids      = list(string)
    internal        = optional(bool, false)
    allowed         = optional(list(string), ["0.0.0.0/0"])
    origins         = optional(list(string), [])
    keys            = map(list(string))
  })
  default = null

  validation {
    condition     = var.collector == null ? true : length(var.collector.keys) > 0 && alltrue([for name in keys(var.collector.keys) : can(regex("^[a-z][a-z0-9_]*$", name))])
    error_message = "The collector needs at least one key, named with a-z, 0-9 and _."
  }
}

variable "redshift" {
  description = "Redshift Serverless and the tables loaded into it; null: none. What alerts are made of cannot be loaded."
  type = object({
    tables           = list(string)
    database         = optional(string, "analytics")
    capacity         = optional(number, 8)
    unit_hours_a_day = optional(number, 16)
  })
  default = null

  validation {
    condition = var.redshift == null ? true : length(var.redshift.tables) > 0 && alltrue([
      for table in var.redshift.tables : can(regex("^(trusted|aggregate)\\.[a-z0-9_]+$", table)) && !contains(["trusted.weather", "aggregate.weather_alerts"], table)
    ])
    error_message = "Name tables of trusted and aggregate, such as trusted.payments; not trusted.weather and aggregate.weather_alerts, which are the alerter's."
  }

  validation {
    condition     = var.redshift == null || length(var.private_subnet_ids) >= 3
    error_message = "Redshift Serverless wants private subnets in three zones."
  }
}

variable "spark" {
  description = "EMR Serverless; null: none. The image is EMR's own with the platform in it."
  type = object({
    image            = string
    release          = optional(string, "emr-7.12.0")
    processors       = optional(number, 32)
    memory_gigabytes = optional(number, 128)
  })
  default = null
}

variable "lake_formation" {
  description = "Who may read which layers by Lake Formation's tags, by ARN of a role, and whether personal data too; null: IAM alone. The tables must be there: run the feeds first."
  type = object({
    people = map(object({ layers = list(string), personal = bool }))
  })
  default = null
}

variable "personal_columns" {
  description = "By table its columns with personal data; personal_columns.py writes them from the contracts."
  type        = map(list(string))
  default     = {}
}

# Sizes

variable "sizes" {
  description = "Of the containers: processors in 1/1024, memory in MiB, disk in GiB."
  type = map(object({
    cpu            = number
    memory         = number
    disk_gigabytes = optional(number, 21)
  }))
  default = {}
}

variable "database_class" {
  description = "Of Dagster's database."
  type        = string
  default     = "db.t4g.small"
}
