variable "name" {
  type = string
}

variable "key_arn" {
  description = "The key that encrypts it; null for S3's own."
  type        = string
  default     = null
}

variable "log_bucket" {
  description = "Where S3 logs who read and wrote; null for nowhere."
  type        = string
  default     = null
}

variable "noncurrent_days" {
  description = "How long a deleted or overwritten object can be brought back."
  type        = number
}

variable "expire_after_days" {
  description = "Days after which objects under a prefix go; the prefix `all` means all of them."
  type        = map(number)
  default     = {}
}

variable "glacier_after_days" {
  description = "Days after which objects move to Glacier's instant retrieval; null for never."
  type        = number
  default     = null
}

variable "statements" {
  description = "Further statements of its policy, as JSON."
  type        = string
  default     = "[]"
}
