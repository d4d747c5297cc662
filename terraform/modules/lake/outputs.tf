output "lake" {
  value = module.lake.name
}

output "archive" {
  value = module.archive.name
}

output "work" {
  value = module.work.name
}

output "logs" {
  value = module.logs.name
}
