"""The page `/` of the three Django sites."""

from django.http import JsonResponse


def page(sub_of):
    """What Django itself knows of the person, and the `sub` that the library keeps."""

    def home(request):
        user = request.user
        if not user.is_authenticated:
            return JsonResponse({"signed_in": False})
        said = {"signed_in": True, "email": user.email}
        if user.get_full_name():
            said["name"] = user.get_full_name()
        return JsonResponse(said | {"sub": sub_of(user)})

    return home
