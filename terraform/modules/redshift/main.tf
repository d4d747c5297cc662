# Redshift Serverless: native tables that the loader keeps in step, and the lake's own tables through Spectrum, in the Glue catalogue.

resource "aws_redshiftserverless_namespace" "this" {
  namespace_name                   = var.name
  db_name                          = var.database
  manage_admin_password            = true
  admin_password_secret_kms_key_id = var.key_arn
  kms_key_id                       = var.key_arn
  iam_roles                        = [aws_iam_role.reader.arn]
  default_iam_role_arn             = aws_iam_role.reader.arn
  log_exports                      = ["userlog", "connectionlog", "useractivitylog"]
}

resource "aws_redshiftserverless_workgroup" "this" {
  namespace_name       = aws_redshiftserverless_namespace.this.namespace_name
  workgroup_name       = var.name
  base_capacity        = var.capacity
  publicly_accessible  = false
  enhanced_vpc_routing = true
  subnet_ids           = var.subnet_ids
  security_group_ids   = [aws_security_group.this.id]

  config_parameter {
    parameter_key   = "require_ssl"
    parameter_value = "true"
  }

  # A query that has run so long is ended.
  config_parameter {
    parameter_key   = "max_query_execution_time"
    parameter_value = "1800"
  }
}

resource "aws_redshiftserverless_usage_limit" "hours" {
  resource_arn  = aws_redshiftserverless_workgroup.this.arn
  usage_type    = "serverless-compute"
  period        = "daily"
  amount        = var.unit_hours_a_day
  breach_action = "deactivate"
}

resource "aws_security_group" "this" {
  name        = "${var.name}-redshift"
  description = "Redshift asks AWS; nobody connects, for statements come through the Data API"
  vpc_id      = var.vpc_id
}

resource "aws_vpc_security_group_egress_rule" "aws" {
  security_group_id = aws_security_group.this.id
  description       = "S3 and Glue"
  cidr_ipv4         = "0.0.0.0/0"
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
}

resource "aws_iam_role" "reader" {
  name = "${var.name}-redshift"

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = ["redshift.amazonaws.com", "redshift-serverless.amazonaws.com"] }
      Action    = "sts:AssumeRole"
    }]
  })
}

resource "aws_iam_role_policy" "reader" {
  name   = "read"
  role   = aws_iam_role.reader.id
  policy = jsonencode({ Version = "2012-10-17", Statement = jsondecode(var.statements) })
}
