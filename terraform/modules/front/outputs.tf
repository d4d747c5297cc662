output "address" {
  value = aws_lb.this.dns_name
}

output "dimension" {
  description = "What CloudWatch calls the load balancer."
  value       = aws_lb.this.arn_suffix
}

output "target_group_arn" {
  # A service needs a target group that a listener forwards to.
  value      = aws_lb_target_group.this.arn
  depends_on = [aws_lb_listener.tls]
}
