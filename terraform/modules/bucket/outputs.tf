output "name" {
  value = aws_s3_bucket.this.bucket
}

output "arn" {
  value = "arn:aws:s3:::${var.name}"
}

output "versioning" {
  description = "Known once versions are kept, which a replication needs."
  value       = aws_s3_bucket_versioning.this.id
}
