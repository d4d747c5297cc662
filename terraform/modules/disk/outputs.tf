output "file_system_arn" {
  value = aws_efs_file_system.this.arn
}

output "volume" {
  description = "What a container mounts."
  value = {
    file_system_id  = aws_efs_file_system.this.id
    access_point_id = aws_efs_access_point.this.id
  }

  # A container that starts before there is a way to the file system fails.
  depends_on = [aws_efs_mount_target.this]
}
