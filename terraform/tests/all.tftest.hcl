# Everything that can be asked for. event_platform_tests/test_terraform.py reads what came of it.

mock_provider "aws" {
  source = "./tests/played"
}

run "all" {
  variables {
    region             = "eu-west-1"
    prefix             = "events"
    vpc_id             = "vpc-1"
    private_subnet_ids = ["subnet-1", "subnet-2", "subnet-5"]
    image_tag          = "abc"
    archive_days       = 400
    operator_emails    = ["platform@example.com"]
    alert_emails       = ["duty@example.com"]
    alert_phones       = ["+15550100"]
    alert_hours        = { time_zone = "Europe/Amsterdam", quiet_from = "22:00", quiet_until = "07:00" }
    weather_places     = { office = "60.17,24.94", new-york = "New York" }
    insights_url       = "https://insights.example.com"
    redshift           = { tables = ["trusted.payments", "aggregate.payments_daily"] }
    spark              = { image = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/emr:1" }

    collector = {
      certificate_arn = "arn:aws:acm:eu-west-1:123456789012:certificate/1"
      subnet_ids      = ["subnet-3", "subnet-4"]
      origins         = ["https://shop.example.com"]
      keys            = { website = ["clickstream"], shop = ["payments", "clickstream"] }
    }

    lake_formation = {
      people = { "arn:aws:iam::123456789012:role/analyst" = { layers = ["trusted", "aggregate"], personal = false } }
    }
  }

  assert {
    condition     = toset(keys(output.services)) == toset(["code", "collector", "consumer", "daemon", "webserver"])
    error_message = "Five services stay."
  }

  assert {
    condition     = toset(output.empty_secrets) == toset(["events/collector_shop", "events/collector_website", "events/tomorrow_api_key"])
    error_message = "There is a place for each secret that people put in."
  }
}
