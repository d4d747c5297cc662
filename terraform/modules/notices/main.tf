# A topic, and those it reaches: by e-mail, which each must confirm once, or by SMS.

resource "aws_sns_topic" "this" {
  name              = var.name
  display_name      = var.title
  kms_master_key_id = var.key_arn
}

resource "aws_sns_topic_subscription" "email" {
  for_each = toset(var.emails)

  topic_arn = aws_sns_topic.this.arn
  protocol  = "email"
  endpoint  = each.value
}

resource "aws_sns_topic_subscription" "sms" {
  for_each = toset(var.phones)

  topic_arn = aws_sns_topic.this.arn
  protocol  = "sms"
  endpoint  = each.value
}

resource "aws_sns_topic_policy" "this" {
  count = length(var.services) == 0 ? 0 : 1

  arn = aws_sns_topic.this.arn

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = var.services }
      Action    = "sns:Publish"
      Resource  = aws_sns_topic.this.arn # without a condition: EventBridge sends nothing to a topic whose policy has one
    }]
  })
}
