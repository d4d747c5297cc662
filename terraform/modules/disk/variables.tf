variable "name" {
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

variable "user" {
  description = "The user that all files belong to: the one of the image."
  type        = number
}
