# The smallest installation: feeds from the bucket alone. Nothing is created: AWS is played by Terraform.

mock_provider "aws" {
  source = "./tests/played"
}

variables {
  region             = "eu-west-1"
  prefix             = "events"
  vpc_id             = "vpc-1"
  private_subnet_ids = ["subnet-1", "subnet-2"]
  image_tag          = "abc"
  operator_emails    = ["platform@example.com"]
}

run "least" {
  assert {
    condition     = toset(keys(output.services)) == toset(["code", "daemon", "webserver"])
    error_message = "Without a collector three services stay."
  }

  assert {
    condition     = length(output.empty_secrets) == 0 && length(output.collector) == 0 && length(output.spark) == 0
    error_message = "Nothing that was not asked for is made."
  }
}

run "one_zone_is_refused" {
  command = plan

  variables {
    private_subnet_ids = ["subnet-1"]
  }

  expect_failures = [var.private_subnet_ids]
}

run "the_alerters_tables_cannot_be_loaded" {
  command = plan

  variables {
    private_subnet_ids = ["subnet-1", "subnet-2", "subnet-3"]
    redshift           = { tables = ["trusted.weather"] }
  }

  expect_failures = [var.redshift]
}

run "redshift_in_two_zones_is_refused" {
  command = plan

  variables {
    redshift = { tables = ["trusted.payments"] }
  }

  expect_failures = [var.redshift]
}

run "a_collector_without_keys_is_refused" {
  command = plan

  variables {
    collector = { certificate_arn = "arn:aws:acm:eu-west-1:123456789012:certificate/1", subnet_ids = ["subnet-3", "subnet-4"], keys = {} }
  }

  expect_failures = [var.collector]
}
