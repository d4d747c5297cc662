variable "name" {
  type = string
}

variable "vpc_id" {
  type = string
}

variable "subnet_ids" {
  type = list(string)
}

variable "internal" {
  type = bool
}

variable "allowed" {
  description = "Networks from which events may be posted."
  type        = list(string)
}

variable "certificate_arn" {
  type = string
}

variable "port" {
  type = number
}

variable "server_security_group_id" {
  type = string
}

variable "log_bucket" {
  type = string
}
