"""What numbers are computed on: devices, their memory, their arithmetic."""
