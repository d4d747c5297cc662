output "address" {
  value = aws_db_instance.this.address
}

output "identifier" {
  value = aws_db_instance.this.identifier
}

output "secret_arn" {
  value = aws_db_instance.this.master_user_secret[0].secret_arn
}
