variable "prefix" {
  type = string
}

variable "name" {
  type = string
}

variable "region" {
  type = string
}

variable "account_id" {
  type = string
}

variable "key_arn" {
  type = string
}

variable "image" {
  type = string
}

variable "repository_arn" {
  description = "The repository that the image is in."
  type        = string
}

variable "command" {
  type = list(string)
}

variable "environment" {
  type    = map(string)
  default = {}
}

variable "secrets" {
  description = "By name of the variable in the container: the ARN of a secret, with `:key::` at its end for one value of several."
  type        = map(string)
  default     = {}
}

variable "files" {
  description = "Texts of files that are written into the home before it starts, by name."
  type        = map(string)
  default     = {}
}

variable "ports" {
  description = "Where it listens, by name."
  type        = map(number)
  default     = {}
}

variable "health" {
  description = "The command that ends well while it is well; none for what runs to its end."
  type        = list(string)
  default     = []
}

variable "statements" {
  description = "What it may do, as a JSON list of policy statements."
  type        = string
}

variable "lasting_disk" {
  description = "A file system that outlives the container, as its home; null for a disk of its own."
  type = object({
    file_system_id  = string
    access_point_id = string
  })
  default = null
}

variable "cpu" {
  description = "1024 are one processor."
  type        = number
}

variable "memory" {
  description = "In MiB."
  type        = number
}

variable "disk_gigabytes" {
  type    = number
  default = 21
}

variable "log_days" {
  type = number
}

variable "read_only" {
  description = "Whether the image's files cannot be changed. `aws ecs execute-command` needs them changeable."
  type        = bool
  default     = true
}
