# Lake Formation: who may read which layer, and that columns with personal data are for those alone who are named for it.

resource "aws_lakeformation_lf_tag" "layer" {
  key    = "${var.prefix}-layer"
  values = var.layers
}

resource "aws_lakeformation_lf_tag" "personal" {
  key    = "${var.prefix}-personal"
  values = ["yes", "no"]
}

resource "aws_lakeformation_resource" "lake" {
  arn                     = "arn:aws:s3:::${var.lake_bucket}/lake"
  use_service_linked_role = true
  hybrid_access_enabled   = true
}

resource "aws_lakeformation_resource_lf_tags" "layer" {
  for_each = toset(var.layers)

  database {
    name = each.value
  }

  lf_tag {
    key   = aws_lakeformation_lf_tag.layer.key
    value = each.value
  }

  # Tables and columns have what their database has, until told otherwise.
  lf_tag {
    key   = aws_lakeformation_lf_tag.personal.key
    value = "no"
  }
}

resource "aws_lakeformation_resource_lf_tags" "personal" {
  for_each = var.personal_columns

  table_with_columns {
    database_name = split(".", each.key)[0]
    name          = split(".", each.key)[1]
    column_names  = each.value
  }

  lf_tag {
    key   = aws_lakeformation_lf_tag.personal.key
    value = "yes"
  }

  depends_on = [aws_lakeformation_resource_lf_tags.layer]
}

resource "aws_lakeformation_permissions" "people" {
  for_each = var.people

  principal   = each.key
  permissions = ["SELECT", "DESCRIBE"]

  lf_tag_policy {
    resource_type = "TABLE"

    expression {
      key    = aws_lakeformation_lf_tag.layer.key
      values = each.value.layers
    }

    expression {
      key    = aws_lakeformation_lf_tag.personal.key
      values = each.value.personal ? ["yes", "no"] : ["no"]
    }
  }
}
