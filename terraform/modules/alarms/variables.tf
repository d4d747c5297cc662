variable "prefix" {
  type = string
}

variable "topic_arn" {
  type = string
}

variable "alarms" {
  description = "By name: what is measured, when it is too much (or, with `below`, too little), and what to do then."
  type = map(object({
    namespace      = string
    metric         = string
    dimensions     = map(string)
    statistic      = optional(string, "Maximum")
    below          = optional(bool, false)
    threshold      = number
    period_seconds = optional(number, 300)
    periods        = optional(number, 2)
    missing        = optional(string, "notBreaching")
    what_to_do     = string
  }))
}
