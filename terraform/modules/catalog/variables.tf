variable "prefix" {
  type = string
}

variable "layers" {
  description = "What each layer holds."
  type        = map(string)
}

variable "lake_bucket" {
  type = string
}

variable "work_bucket" {
  type = string
}

variable "key_arn" {
  type = string
}

variable "scan_limit_gigabytes" {
  type = number
}
