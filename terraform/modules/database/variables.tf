variable "name" {
  type = string
}

variable "account_id" {
  type = string
}

variable "vpc_id" {
  type = string
}

variable "subnet_ids" {
  type = list(string)
}

variable "client_security_group_id" {
  type = string
}

variable "key_arn" {
  type = string
}

variable "instance_class" {
  type = string
}

variable "backup_days" {
  type = number
}

variable "password_days" {
  type = number
}
