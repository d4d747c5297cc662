variable "name" {
  type = string
}

variable "database" {
  type = string
}

variable "capacity" {
  description = "In Redshift processing units; 8 is the least."
  type        = number
}

variable "unit_hours_a_day" {
  description = "After so many processing unit hours Redshift answers no more that day."
  type        = number
}

variable "vpc_id" {
  type = string
}

variable "subnet_ids" {
  type = list(string)
}

variable "key_arn" {
  type = string
}

variable "statements" {
  description = "What Redshift may read, as a JSON list of policy statements."
  type        = string
}
