variable "prefix" {
  type = string
}

variable "lake_bucket" {
  type = string
}

variable "layers" {
  type = list(string)
}

variable "personal_columns" {
  description = "By table, such as trusted.clickstream: its columns with personal data. The tables must be there."
  type        = map(list(string))
}

variable "people" {
  description = "By ARN of a role: the layers it may read, and whether personal data too."
  type = map(object({
    layers   = list(string)
    personal = bool
  }))
}
