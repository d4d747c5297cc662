# Glue's databases, one a layer, and the Athena workgroup of people who ask.

resource "aws_glue_catalog_database" "layer" {
  for_each = var.layers

  name         = each.key
  description  = each.value
  location_uri = "s3://${var.lake_bucket}/lake/${each.key}"
}

resource "aws_athena_workgroup" "people" {
  name        = "${var.prefix}-people"
  description = "SQL over the lake; a query that would read more than the limit is refused"

  configuration {
    enforce_workgroup_configuration    = true
    publish_cloudwatch_metrics_enabled = true
    bytes_scanned_cutoff_per_query     = var.scan_limit_gigabytes * 1024 * 1024 * 1024

    engine_version {
      selected_engine_version = "Athena engine version 3"
    }

    result_configuration {
      output_location = "s3://${var.work_bucket}/athena/"

      encryption_configuration {
        encryption_option = "SSE_KMS"
        kms_key_arn       = var.key_arn
      }
    }
  }
}
