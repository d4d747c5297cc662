output "stream" {
  value = aws_kinesis_stream.events.name
}

output "stream_arn" {
  value = aws_kinesis_stream.events.arn
}

output "delivery_stream" {
  value = aws_kinesis_firehose_delivery_stream.landing.name
}
