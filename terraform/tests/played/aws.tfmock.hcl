# What the played AWS answers where a made-up text would not do.

mock_data "aws_caller_identity" {
  defaults = {
    account_id = "123456789012"
  }
}

mock_resource "aws_db_instance" {
  defaults = {
    address            = "database.example"
    master_user_secret = [{ secret_arn = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:rds-1", kms_key_id = "key", secret_status = "active" }]
  }
}
