variable "name" {
  type = string
}

variable "services" {
  description = "Who may take it on, such as ecs-tasks.amazonaws.com."
  type        = list(string)
}

variable "account_id" {
  description = "A service that acts for another account may not."
  type        = string
}

variable "policy" {
  description = "Name of the policy that the statements make; null where there are none."
  type        = string
  default     = null
}

variable "statements" {
  description = "What it may do, as a JSON list of policy statements."
  type        = string
  default     = "[]"
}

variable "policy_arns" {
  description = "Policies of AWS that it has as well."
  type        = set(string)
  default     = []
}
