import generated

generated.use_profile()
