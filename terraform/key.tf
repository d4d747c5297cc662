# One key for all that lies still. Who may use it is said in the rights of each component; AWS's own services are named here.

resource "aws_kms_key" "this" {
  description             = "Data, logs, streams and secrets of ${var.prefix}"
  enable_key_rotation     = true
  deletion_window_in_days = 30

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid       = "RightsOfThisAccountSayWho"
        Effect    = "Allow"
        Principal = { AWS = "arn:aws:iam::${local.account_id}:root" }
        Action    = "kms:*"
        Resource  = "*"
      },
      {
        Sid       = "Logs"
        Effect    = "Allow"
        Principal = { Service = "logs.${var.region}.amazonaws.com" }
        Action    = ["kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey*", "kms:ReEncrypt*"]
        Resource  = "*"
        Condition = { ArnLike = { "kms:EncryptionContext:aws:logs:arn" = "arn:aws:logs:${var.region}:${local.account_id}:log-group:*" } }
      },
      {
        Sid       = "Notices"
        Effect    = "Allow"
        Principal = { Service = ["cloudwatch.amazonaws.com", "events.amazonaws.com"] }
        Action    = ["kms:Decrypt", "kms:GenerateDataKey*"]
        Resource  = "*"
      },
    ]
  })
}

resource "aws_kms_alias" "this" {
  name          = "alias/${var.prefix}"
  target_key_id = aws_kms_key.this.key_id
}

# Secrets that people put in; Terraform makes the place and never sees the value.
resource "aws_secretsmanager_secret" "given" {
  # checkov:skip=CKV2_AWS_57:They are keys of others' services and of clients, which only those can change
  for_each = toset(concat(
    length(var.weather_places) == 0 ? [] : ["tomorrow_api_key"],
    [for name in keys(var.collector == null ? {} : var.collector.keys) : "collector_${name}"],
  ))

  name        = "${var.prefix}/${each.value}"
  description = "Put in by hand: aws secretsmanager put-secret-value --secret-id ${var.prefix}/${each.value} --secret-string file://…"
  kms_key_id  = aws_kms_key.this.arn
}
