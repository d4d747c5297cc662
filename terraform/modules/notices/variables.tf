variable "name" {
  type = string
}

variable "title" {
  description = "What a message says it is from; at most 11 letters for SMS."
  type        = string
}

variable "key_arn" {
  type = string
}

variable "emails" {
  type    = list(string)
  default = []
}

variable "phones" {
  type    = list(string)
  default = []
}

variable "services" {
  description = "AWS's own services that tell things here, such as cloudwatch.amazonaws.com."
  type        = list(string)
  default     = []
}
