# The collector's face: a load balancer that speaks TLS with the world and forwards to the containers.

resource "aws_lb" "this" {
  # checkov:skip=CKV2_AWS_28:A firewall for web applications costs more than many collectors; the collector limits sizes, times and rates itself
  name                       = var.name
  load_balancer_type         = "application"
  internal                   = var.internal
  subnets                    = var.subnet_ids
  security_groups            = [aws_security_group.this.id]
  drop_invalid_header_fields = true
  enable_deletion_protection = true

  access_logs {
    bucket  = var.log_bucket
    prefix  = "collector"
    enabled = true
  }
}

resource "aws_lb_listener" "tls" {
  load_balancer_arn = aws_lb.this.arn
  port              = 443
  protocol          = "HTTPS"
  ssl_policy        = "ELBSecurityPolicy-TLS13-1-2-Res-2021-06"
  certificate_arn   = var.certificate_arn

  default_action {
    type             = "forward"
    target_group_arn = aws_lb_target_group.this.arn
  }
}

resource "aws_lb_target_group" "this" {
  # checkov:skip=CKV_AWS_378:TLS ends at the load balancer; from there it goes through the private network to the one security group that lets it in
  name                 = var.name
  port                 = var.port
  protocol             = "HTTP"
  target_type          = "ip"
  vpc_id               = var.vpc_id
  deregistration_delay = 30

  health_check {
    path                = "/health"
    interval            = 10
    timeout             = 5
    healthy_threshold   = 2
    unhealthy_threshold = 3
  }
}

resource "aws_security_group" "this" {
  name        = "${var.name}-front"
  description = "Who may speak to the collector"
  vpc_id      = var.vpc_id
}

resource "aws_vpc_security_group_ingress_rule" "world" {
  for_each = toset(var.allowed)

  security_group_id = aws_security_group.this.id
  description       = "Those who post events"
  cidr_ipv4         = each.value
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
}

resource "aws_vpc_security_group_egress_rule" "collector" {
  security_group_id            = aws_security_group.this.id
  description                  = "To the collector"
  referenced_security_group_id = var.server_security_group_id
  ip_protocol                  = "tcp"
  from_port                    = var.port
  to_port                      = var.port
}

resource "aws_vpc_security_group_ingress_rule" "collector" {
  security_group_id            = var.server_security_group_id
  description                  = "From the load balancer"
  referenced_security_group_id = aws_security_group.this.id
  ip_protocol                  = "tcp"
  from_port                    = var.port
  to_port                      = var.port
}
