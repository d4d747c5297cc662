variable "prefix" {
  type = string
}

variable "key_arn" {
  type = string
}

variable "noncurrent_days" {
  type = number
}

variable "archive_days" {
  type    = number
  default = null
}

variable "run_log_days" {
  type = number
}

variable "log_days" {
  type = number
}
