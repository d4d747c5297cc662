variable "name" {
  type = string
}

variable "region" {
  type = string
}

variable "account_id" {
  type = string
}

variable "image" {
  description = "EMR's own image with the platform in it."
  type        = string
}

variable "release" {
  type = string
}

variable "processors" {
  type = number
}

variable "memory_gigabytes" {
  type = number
}

variable "subnet_ids" {
  type = list(string)
}

variable "security_group_id" {
  type = string
}

variable "key_arn" {
  type = string
}

variable "statements" {
  description = "What a job may do, as a JSON list of policy statements."
  type        = string
}

variable "log_days" {
  type = number
}
