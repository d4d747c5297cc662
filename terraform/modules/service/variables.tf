variable "name" {
  type = string
}

variable "cluster_arn" {
  type = string
}

variable "namespace_arn" {
  type = string
}

variable "task_definition_arn" {
  type = string
}

variable "number" {
  type    = number
  default = 1
}

variable "at_most_one" {
  description = "End the old container before the new one starts, for what must never run twice."
  type        = bool
  default     = false
}

variable "subnet_ids" {
  type = list(string)
}

variable "security_group_id" {
  type = string
}

variable "offers" {
  description = "Ports that other containers reach under the service's name."
  type        = map(number)
  default     = {}
}

variable "target_group_arn" {
  description = "Of a load balancer before it; null for none."
  type        = string
  default     = null
}

variable "target_port" {
  type    = number
  default = null
}

variable "reachable" {
  description = "Whether people may open a session in its containers."
  type        = bool
  default     = false
}
