variable "prefix" {
  type = string
}

variable "name" {
  type = string
}

variable "account_id" {
  type = string
}

variable "group" {
  description = "The group of all the platform's schedules."
  type        = string
}

variable "expression" {
  description = "As EventBridge writes it: rate(5 minutes), cron(0 3 * * ? *), in UTC."
  type        = string
}

variable "key_arn" {
  type = string
}

variable "cluster_arn" {
  type = string
}

variable "task_definition_arn" {
  type = string
}

variable "role_arns" {
  description = "The two roles of the container."
  type        = list(string)
}

variable "subnet_ids" {
  type = list(string)
}

variable "security_group_id" {
  type = string
}
