output "stream" {
  value = aws_kinesis_stream.events.name
}

output "delivery_stream" {
  value = aws_kinesis_firehose_delivery_stream.landing.name
}
