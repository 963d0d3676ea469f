"""The classifiers of torchvision and timm, with and without published weights."""
