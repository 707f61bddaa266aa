"""What an account has published: records → plain values that reports and pages render."""
