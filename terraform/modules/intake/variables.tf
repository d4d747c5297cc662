variable "prefix" {
  type = string
}

variable "account_id" {
  type = string
}

variable "stream" {
  description = "The feed whose events come through Kinesis."
  type        = string
}

variable "feed" {
  description = "The feed into whose queue Firehose delivers."
  type        = string
}

variable "lake_bucket" {
  type = string
}

variable "key_arn" {
  type = string
}

variable "retention_hours" {
  type = number
}

variable "buffer_megabytes" {
  type    = number
  default = 64
}

variable "buffer_seconds" {
  type    = number
  default = 60
}

variable "log_days" {
  type = number
}
