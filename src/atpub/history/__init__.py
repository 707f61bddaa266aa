"""Past applies: what each has replaced, kept beside the manifest, and the plan that leads back."""
